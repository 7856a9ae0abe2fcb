package events_test

import (
	"testing"
	"time"

	"roost/events"
)

// A look that happens between a commit and its wake-up finds the events first. The wake-up is not lost then, and the readers go on to
// leave everything to the lookout.
func TestAWakeUpThatComesLateIsNotLost(t *testing.T) {
	t.Parallel()
	for name, sequenced := range map[string]bool{"of the writer": false, "of another node": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			other := onPostgres(t)
			p := newRelying(t, other, nil)
			p.wakes = true
			events.SetGrace(p.sequencer.Lookout(), time.Hour)
			p.start(t)
			p.untilQuiet(t)
			other.write(t, 1, 1, 2, 3)
			if sequenced {
				other.sequence(t)
			}
			until(t, "the events are found", func() bool { return events.Suspects(p.sequencer.Lookout()) })
			if sequenced {
				p.follower.Wake()
			} else {
				p.sequencer.Wake()
			}
			until(t, "the suspicion ends", func() bool { return !events.Suspects(p.sequencer.Lookout()) })
			p.untilEffects(t, "g", 3)
			p.untilQuiet(t)
			if events.Alerted(p.sequencer.Lookout()) {
				t.Error("a wake-up that came was taken to be lost")
			}
		})
	}
}
