package playground

import "net/http"

// Config of the playground.
type Config struct {
	// Title of the page; "Roost" by default.
	Title string
	// Endpoint is the path of the API on the same host.
	Endpoint string
	// Demo signs visitors in who have no session; nil does not.
	Demo *DemoLogin
}

// DemoLogin is the account that visitors of the demo start with. The page tells its password: it is for
// demo worlds only.
type DemoLogin struct{ Username, Password string }

// Page is the playground.
type Page struct{ cfg Config }

// New prepares the page.
func New(cfg Config) (*Page, error) { return &Page{cfg}, nil }

// Mount adds the page at / and its files below /playground/.
func (p *Page) Mount(mux *http.ServeMux) {}
