package app

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"roost/server/operatorpage"
)

// The operator's page shows the hot tweets by the name and the labels that they have in the metrics.
func TestHotTweetsOfTheOperatorPage(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	operatorpage.Mount(mux)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/operator/page.js", nil))
	for _, want := range []string{`"roost_hot_tweets"`, "labels.by", "labels.tweet"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("the script lacks %s", want)
		}
	}
	if s := hotDesc.String(); !strings.Contains(s, `fqName: "roost_hot_tweets"`) || !strings.Contains(s, "by,rank,tweet") {
		t.Errorf("the metric is %s", s)
	}
}
