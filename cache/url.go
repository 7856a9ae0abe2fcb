package cache

// Check fails if the URL is not that of a Redis; it does not connect.
func (c Config) Check() error {
	if c.URL == "" {
		return nil
	}
	_, err := parseURL(c.URL)
	return err
}
