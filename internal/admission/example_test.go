package admission_test

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"roost/internal/admission"
	"roost/internal/errs"
)

// A gate that lets one request run refuses the second one, until the first waits for something else.
func Example() {
	gate := admission.New(admission.Config{Running: 1, Wait: time.Millisecond})
	network := netip.MustParsePrefix("192.0.2.1/32")
	first, err := gate.Enter(context.Background(), network, admission.Request)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer first.Leave()

	_, err = gate.Enter(context.Background(), network, admission.Request)
	fmt.Println("while the first runs:", errs.KindOf(err))

	resume := first.Pause() // it waits for the database
	second, err := gate.Enter(context.Background(), network, admission.Request)
	fmt.Println("while it waits for the database:", err)
	second.Leave()
	resume()
	// Output:
	// while the first runs: UNAVAILABLE
	// while it waits for the database: <nil>
}
