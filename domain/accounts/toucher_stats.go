package accounts

// Pending is how many sessions wait for their last use to be written, or are being written. At most 8,192 wait.
func (t *Toucher) Pending() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.pending) + t.writing
}
