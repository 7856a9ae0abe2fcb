// Command gen writes the reference of the API guide from the schema and its descriptions: `gen SCHEMA FILE`.
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: gen SCHEMA FILE")
		os.Exit(2)
	}
	schema, err := os.ReadFile(os.Args[1])
	if err == nil {
		var text string
		if text, err = reference(string(schema)); err == nil {
			err = os.WriteFile(os.Args[2], []byte(text), 0o644)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}
