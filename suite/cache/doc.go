// Package cache holds end-to-end tests of what nodes show from the cache while Redis, writers or readers fail.
package cache
