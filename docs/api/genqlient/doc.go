// Package genqlient is a typed client in Go, which genqlient writes from the schema and operations.graphql. The guide to the API shows it.
package genqlient

//go:generate go tool genqlient genqlient.yaml
