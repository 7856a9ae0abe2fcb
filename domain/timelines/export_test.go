package timelines

// SetMaxHits has HomeMatching place at most n tweets one by one. It must be called before anything is read.
func (t *Timelines) SetMaxHits(n int) { t.maxHits = n }
