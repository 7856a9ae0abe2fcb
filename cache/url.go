package cache

// Check returns an error if the URL does not name a Redis. It does not connect.
func (c Config) Check() error {
	if c.URL == "" {
		return nil
	}
	_, err := parseURL(c.URL)
	return err
}
