// Package demo makes a small, believable demo world: some forty people who follow each other, among them a celebrity and newcomers, with
// five days of conversations, retweets and reactions. While a node runs and somebody looks, these people go on to talk, retweet and react.
// All of them sign in with the same password. What they say is in the folder texts.
package demo

import (
	"context"
	"errors"
	"fmt"
	"os"

	"roost/domain/imports"
	"roost/ent"
	"roost/ent/importedid"
	"roost/ent/importprogress"
	"roost/events"
	"roost/internal/clock"
	"roost/internal/ids"
	"roost/internal/sqldb"
)

// The login that the banner shows.
const (
	Username = "ada"
	Password = "welcome-to-roost"
)

// source is the demo's name for the import.
const source = "demo"

// marker is the entry in import_progress that marks the world as complete.
const marker = source + "/world"

// The kinds of reactions.
const (
	kindLike    = 1
	kindDislike = 2
)

// Options of Seed. All but React are needed.
type Options struct {
	DB     *sqldb.DB
	Client *ent.Client
	Log    *events.Log
	IDs    *ids.Generator
	Clock  clock.Clock
	// HashPassword makes the hash that sign-in accepts.
	HashPassword func(ctx context.Context, password string) (string, error)
	// React sets a reaction; without it nobody dislikes anything.
	React func(ctx context.Context, userID, tweetID int64, kind int8) error
}

// World is the demo world in a database.
type World struct {
	// Username and Password sign in as the visitor, whose id is Visitor.
	Username, Password string
	Visitor            int64
	// Others are the ids of the other people.
	Others []int64
	// ids are the ids of all people, in the order of people; 0 for those who are not in a world that an earlier release has made.
	ids []int64
	// Fresh is true if this call made the world.
	Fresh bool
}

// Seed makes the demo world in an empty database, or finds it in a database that has it. A seeding that was interrupted is
// completed. In a database with other data Seed changes nothing and returns nil.
func Seed(ctx context.Context, o Options) (*World, error) {
	state, err := look(ctx, o.Client)
	if err != nil {
		return nil, err
	}
	if state == foreign {
		return nil, nil
	}
	if state == absent {
		if err := build(ctx, o); err != nil {
			return nil, fmt.Errorf("seed the demo world: %w", err)
		}
	}
	byID, err := rowsOf(ctx, o.Client, "user")
	if err != nil {
		return nil, err
	}
	w := &World{Username: Username, Password: Password, Visitor: byID[1], Fresh: state == absent}
	for i := range people {
		id := byID[int64(i+1)]
		w.ids = append(w.ids, id)
		if i > 0 && id != 0 {
			w.Others = append(w.Others, id)
		}
	}
	return w, nil
}

// states of a database.
type state int

const (
	foreign state = iota // somebody else's
	absent               // empty, or half seeded
	whole
)

func look(ctx context.Context, client *ent.Client) (state, error) {
	done, err := client.ImportProgress.Query().Where(importprogress.ID(marker)).Exist(ctx)
	if err != nil {
		return foreign, fmt.Errorf("look for the demo world: %w", err)
	}
	if done {
		return whole, nil
	}
	begun, err := client.ImportProgress.Query().Where(importprogress.ID(source + "/users.tsv")).Exist(ctx)
	if err != nil {
		return foreign, fmt.Errorf("look for the demo world: %w", err)
	}
	used, err := client.User.Query().Exist(ctx)
	if err != nil {
		return foreign, fmt.Errorf("look for the demo world: %w", err)
	}
	if used && !begun {
		return foreign, nil
	}
	return absent, nil
}

func build(ctx context.Context, o Options) (err error) {
	hash, err := o.HashPassword(ctx, Password)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "roost-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	w := makeWorld(o.Clock.Now())
	if err := w.save(dir); err != nil {
		return err
	}
	_, err = imports.Run(ctx, imports.Options{DB: o.DB, IDs: o.IDs, Dir: dir, Clock: o.Clock, Source: source,
		PasswordHash: hash, OnBad: imports.Stop})
	if err != nil {
		return err
	}
	users, err := rowsOf(ctx, o.Client, "user")
	if err != nil {
		return err
	}
	tweets, err := rowsOf(ctx, o.Client, "tweet")
	if err != nil {
		return err
	}
	m := &made{world: w, users: users, tweets: tweets}
	if err := m.dislike(ctx, o.React); err != nil {
		return err
	}
	return o.Log.Write(ctx, m.complete)
}

// rowsOf returns the row of each id in the demo's files.
func rowsOf(ctx context.Context, client *ent.Client, kind string) (map[int64]int64, error) {
	all, err := client.ImportedID.Query().Where(importedid.Source(source), importedid.Kind(kind)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the demo world: %w", err)
	}
	m := make(map[int64]int64, len(all))
	for _, row := range all {
		m[row.ExternalID] = row.RowID
	}
	return m, nil
}
