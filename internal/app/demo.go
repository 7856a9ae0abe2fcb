package app

import (
	"context"

	"roost/server"
)

// decorate gives the playground the demo's login.
func (a *App) decorate(*server.Config) {}

// addDemo seeds the demo world and keeps life in it.
func (a *App) addDemo(context.Context) error { return nil }

// Greeting tells what to try first.
func (a *App) Greeting() string { return "" }
