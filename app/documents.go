package app

import (
	"errors"
	"fmt"
	"os"

	"roost/server"
)

// readDocuments reads the file of the persisted documents.
func (a *App) readDocuments() error {
	if a.Config.Documents == "" {
		return nil
	}
	raw, err := os.ReadFile(a.Config.Documents)
	if err != nil {
		return fmt.Errorf("--documents: %w", err)
	}
	if a.documents, err = server.ParseManifest(raw); err != nil {
		return fmt.Errorf("--documents: %s: %w", a.Config.Documents, err)
	}
	return nil
}

// ofDocuments adds the name of the file to the error about a document of it.
func (a *App) ofDocuments(err error) error {
	if _, ok := errors.AsType[server.DocumentsError](err); ok {
		return fmt.Errorf("--documents: %s: %w", a.Config.Documents, err)
	}
	return err
}
