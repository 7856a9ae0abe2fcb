package cache

import (
	"errors"

	"github.com/redis/go-redis/v9"
)

// parseURL does not say what is wrong with the URL: its parts would be named, among them the password.
func parseURL(url string) (*redis.Options, error) {
	opts, err := redis.ParseURL(url)
	if err != nil {
		return nil, errors.New("the Redis URL must look like redis://user:password@host:6379/0, or rediss:// for TLS")
	}
	return opts, nil
}

// Check fails if the URL is not that of a Redis; it does not connect.
func (c Config) Check() error {
	if c.URL == "" {
		return nil
	}
	_, err := parseURL(c.URL)
	return err
}
