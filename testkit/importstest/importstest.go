// Package importstest holds the tests of imports that every kind of database must pass, and the databases into which they import.
// [Rules] runs them: the tests of domain/imports on SQLite, in seconds, and those of suite/imports on PostgreSQL.
package importstest

import "testing"

// rules holds the tests by name. Each gets an empty database of its own.
var rules = map[string]func(t *testing.T, s *Store){
	"ImportHoldsEveryLine":              importHoldsEveryLine,
	"SecondImportChangesNothing":        secondImportChangesNothing,
	"GzipAndPlainAreTheSame":            gzipAndPlainAreTheSame,
	"GrownFileAddsOnlyWhatIsNew":        grownFileAddsOnlyWhatIsNew,
	"EqualLinesCountOnce":               equalLinesCountOnce,
	"SourcesAreApart":                   sourcesAreApart,
	"FullMillisecondSpills":             fullMillisecondSpills,
	"PasswordReachesAccountsWithoutOne": passwordReachesAccountsWithoutOne,
	"ProgressEndsAtTheEnd":              progressEndsAtTheEnd,
	"BadLinesInChunksOf3":               func(t *testing.T, s *Store) { badLines(t, s, 3) },
	"BadLinesInOneChunk":                func(t *testing.T, s *Store) { badLines(t, s, 1000) },
	"StopAtABadLine":                    stopAtABadLine,
	"ReportKeepsTheFirstBadLines":       reportKeepsTheFirstBadLines,
	"RenamedAccountsStayKnown":          renamedAccountsStayKnown,
	"FollowsBeyondTheLimit":             followsBeyondTheLimit,
	"DamagedGzip":                       damagedGzip,
	"CancelledImportGoesOn":             cancelledImportGoesOn,
	"HashtagsAreThoseOfTheTexts":        hashtagsAreThoseOfTheTexts,
}

// Rules runs the tests as parallel subtests, each on a database that open returns.
func Rules(t *testing.T, open func(t *testing.T) *Store) {
	t.Parallel()
	for name, test := range rules {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}
