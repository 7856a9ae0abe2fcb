//go:build !faults

package app

import "roost/events"

// tally is a consumer group for tests, which only binaries with faults have.
func tally() []events.GroupConfig { return nil }
