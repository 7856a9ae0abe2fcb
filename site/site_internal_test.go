package site

import "testing"

// Only names with a hash promise that their content never changes.
func TestHashedNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"dist/assets/index-D4ceho1d.css": true, "dist/assets/index-abcdefg1.js": true, "dist/assets/Tweet-x_-yZabc.js": true,
		"dist/assets/index.D4ceho1d.js": true, "dist/assets/index-D4ceho1d.js.map": true, "dist/assets/inter-latin-D4ceho1d.woff2": true,
		"dist/assets/inter-variable.woff2": false, "dist/assets/inter-Variable.woff2": false, "dist/assets/index.js": false,
		"dist/assets/a-D4ceho1.js": false, "dist/index-D4ceho1d.css": false, "dist/assets/D4ceho1d": false,
	} {
		if got := isHashed(name); got != want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// A build without the two places, or with more of them, is refused; their order does not matter.
func TestTemplates(t *testing.T) {
	t.Parallel()
	const settings = `<script id="settings" type="application/json"></script>`
	for index, want := range map[string]string{
		"a<!--head-->b" + settings + "c":                                    `aHEADb<script id="settings" type="application/json">{}</script>c`,
		"a" + settings + "b<!--head-->c":                                    `a<script id="settings" type="application/json">{}</script>bHEADc`,
		"a<!--head--><script type=application/json id=settings> </script>c": `aHEAD<script type=application/json id=settings>{}</script>c`,
		"a" + settings: "", "a<!--head-->": "", "<!--head--><!--head-->" + settings: "", "<!--head-->" + settings + settings: "", "": "",
		`<!--head--><script id="settings">{}</script>`: "",
	} {
		parsed, err := parseTemplate(index)
		if (err == nil) != (want != "") {
			t.Errorf("%s: %v", index, err)
			continue
		}
		if err != nil {
			continue
		}
		if got := string(parsed.fill([]byte("HEAD"), []byte("{}"))); got != want {
			t.Errorf("%s: %s", index, got)
		}
	}
}
