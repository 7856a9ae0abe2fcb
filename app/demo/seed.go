// Package demo makes a small, believable demo world: forty people who follow each other, with five days of tweets and
// reactions. While a node runs, these people go on to tweet, retweet and react. All of them sign in with the same password.
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
	"roost/ent/user"
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

// kindDislike is a reaction's kind.
const kindDislike = 2

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
	for i := range people[1:] {
		w.Others = append(w.Others, byID[int64(i+2)])
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
	if err := dislike(ctx, o, w, users); err != nil {
		return err
	}
	return introduce(ctx, o, users)
}

func dislike(ctx context.Context, o Options, w *world, users map[int64]int64) error {
	if o.React == nil {
		return nil
	}
	tweets, err := rowsOf(ctx, o.Client, "tweet")
	if err != nil {
		return err
	}
	for _, d := range w.dislikes {
		if err := o.React(ctx, users[int64(d.from+1)], tweets[int64(d.to+1)], kindDislike); err != nil {
			return err
		}
	}
	return nil
}

// introduce writes the bios, and in the same transaction the marker that the world is complete.
func introduce(ctx context.Context, o Options, users map[int64]int64) error {
	return o.Log.Write(ctx, func(ctx context.Context, tx *events.Tx) error {
		for i, p := range people {
			id := users[int64(i+1)]
			row, err := tx.User.Query().Where(user.ID(id)).Only(ctx)
			if err != nil {
				return err
			}
			if err := tx.User.Update().Where(user.ID(id)).SetBio(p.bio).AddVersion(1).Exec(ctx); err != nil {
				return err
			}
			tx.Emit(events.ProfileUpdated{UserID: id, Version: row.Version + 1})
		}
		return tx.ImportProgress.Create().SetID(marker).SetFingerprint("").SetLines(0).SetComplete(true).
			SetUpdatedAt(tx.Now).Exec(ctx)
	})
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
