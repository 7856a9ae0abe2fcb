package accounts

// Pending is how many sessions wait for their last use to be written, or are being written; at 8,192 further ones are
// left out.
func (t *Toucher) Pending() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.pending) + t.writing
}
