package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"roost/app"
	"roost/cache"
	"roost/internal/ids"
)

const (
	usersUsage  = "suspend | restore | reset-password NAME  [flags]"
	tweetsUsage = "delete ID  [flags]"
)

// usersCommand runs `roost users`.
func usersCommand(ctx context.Context, args []string, out io.Writer) error {
	return operate(ctx, "users", usersUsage, args, func(words []string) (operation, error) {
		run := map[string]func(ctx context.Context, o app.Operator, name string, out io.Writer) error{
			"suspend": suspend, "restore": restore, "reset-password": resetPassword}
		if len(words) != 2 || run[words[0]] == nil {
			return nil, errors.New("say `roost users " + usersUsage + "`")
		}
		return func(ctx context.Context, o app.Operator) error { return run[words[0]](ctx, o, words[1], out) }, nil
	})
}

// tweetsCommand runs `roost tweets`.
func tweetsCommand(ctx context.Context, args []string, out io.Writer) error {
	return operate(ctx, "tweets", tweetsUsage, args, func(words []string) (operation, error) {
		if len(words) != 2 || words[0] != "delete" {
			return nil, errors.New("say `roost tweets " + tweetsUsage + "`")
		}
		id, err := tweetID(words[1])
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context, o app.Operator) error { return deleteTweet(ctx, o, id, out) }, nil
	})
}

// operation is what an operator wants to be done.
type operation func(ctx context.Context, o app.Operator) error

// operate runs a command of an operator. read returns what the words of the command line say, or an error if they are not valid.
func operate(ctx context.Context, name, usage string, args []string, read func(words []string) (operation, error)) (err error) {
	var c app.Config
	f := flags(name, usage)
	c.StoreFlags(f)
	f.StringVar(&c.RedisURL, "redis-url", "", "Redis of the nodes, as they name it; needed with --database-url")
	words, args := split(args)
	if err := parse(&c, f, args); err != nil {
		return badFlags(f, err)
	}
	run, err := read(append(words, f.Args()...))
	if err == nil {
		err = checkOperator(c)
	}
	if err != nil {
		return badFlags(f, err)
	}
	if err := embeddedExists(c); err != nil {
		return err
	}
	o, closeStores, err := app.OpenOperator(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeStores()) }()
	return run(ctx, o)
}

// embeddedExists returns an error if the command is about an embedded database that does not exist.
func embeddedExists(c app.Config) error {
	if c.Server() {
		return nil
	}
	if _, err := os.Stat(filepath.Join(c.DataDir, app.DatabaseFile)); err != nil {
		return fmt.Errorf("there is no embedded database in %s: name its --data-dir, or a --database-url", c.DataDir)
	}
	return nil
}

func checkOperator(c app.Config) error {
	switch {
	case c.Server() && c.RedisURL == "":
		return errors.New("--database-url needs --redis-url")
	case !c.Server() && c.RedisURL != "":
		return errors.New("--redis-url needs --database-url")
	}
	if err := (cache.Config{URL: c.RedisURL}).Check(); err != nil {
		return fmt.Errorf("--redis-url: %w", err)
	}
	return nil
}

// tweetID reads the id of a tweet: its global id, or its number in the database.
func tweetID(word string) (int64, error) {
	if id, ok := ids.Tweet(word); ok {
		return id, nil
	}
	if id, err := strconv.ParseInt(word, 10, 64); err == nil && id > 0 {
		return id, nil
	}
	return 0, fmt.Errorf("%q is neither the id of a tweet nor its number in the database", word)
}

func suspend(ctx context.Context, o app.Operator, name string, out io.Writer) error {
	s, err := o.Accounts.Suspend(ctx, name)
	if err == nil {
		err = o.WaitForNodes(ctx) // also if an earlier command has suspended the user: it may not have waited
	}
	if err != nil {
		return err
	}
	if !s.Changed {
		_, err = fmt.Fprintf(out, "%s was suspended before\n", s.Username)
		return err
	}
	_, err = fmt.Fprintf(out, "%s is suspended\n%d sessions of %s have ended\n", s.Username, s.Ended, s.Username)
	return err
}

func restore(ctx context.Context, o app.Operator, name string, out io.Writer) error {
	s, err := o.Accounts.Restore(ctx, name)
	if err == nil {
		err = o.WaitForNodes(ctx)
	}
	if err != nil {
		return err
	}
	text := "%s is not suspended any more\n"
	if !s.Changed {
		text = "%s was not suspended\n"
	}
	_, err = fmt.Fprintf(out, text, s.Username)
	return err
}

func resetPassword(ctx context.Context, o app.Operator, name string, out io.Writer) error {
	reset, err := o.Accounts.ResetPassword(ctx, name)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "the new password of %s, which is not shown again: %s\n%d sessions of %s have ended\n",
		reset.Username, reset.Password, reset.Ended, reset.Username)
	return err
}

func deleteTweet(ctx context.Context, o app.Operator, id int64, out io.Writer) error {
	done, err := o.Tweets.Remove(ctx, id)
	if err != nil {
		return err
	}
	text := "the tweet %s is deleted\n"
	if !done {
		text = "the tweet %s was deleted before\n"
	}
	_, err = fmt.Fprintf(out, text, ids.TweetID(id))
	return err
}
