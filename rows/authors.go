package rows

import "roost/domain/timelines"

// authorListForm stores the list's reach, its sort keys as they are packed, and the entries that are retweets or replies to
// others. A list of timelines.MaxAuthorEntries plain tweets takes 1 KB, and up to 4 KB if all of them are retweets. A mark
// at the end says that replies to others are marked as such; nodes of the release before write none, and take a list with it for damaged.
func authorListForm(t *timelines.Timelines) form[int64, timelines.AuthorList] {
	return form[int64, timelines.AuthorList]{
		name: "author_list", ttl: rowTTL, absent: absentTTL, keys: authorListKeys, rows: t.OfAuthors,
		none:    "\x00\x00\x00\x01", // no entries
		version: func(l timelines.AuthorList) int64 { return l.Version },
		write: func(w *writer, l timelines.AuthorList) {
			w.number(l.CompleteFrom)
			w.text(string(l.SortKeys))
			w.count(len(l.Special))
			for _, e := range l.Special {
				w.number(e.Index)
				w.number(int64(e.Kind))
				w.number(e.TweetID)
				w.number(e.AuthorID)
				w.number(e.ParentAuthorID)
			}
			w.flag(true)
		},
		read: func(r *reader, _, version int64) timelines.AuthorList {
			l := timelines.AuthorList{Version: version, CompleteFrom: r.number(), SortKeys: timelines.SortKeys(r.text())}
			if len(l.SortKeys)%8 != 0 {
				r.fail()
			}
			n := r.count()
			if n > 0 {
				l.Special = make([]timelines.SpecialEntry, n)
			}
			for i := range l.Special {
				l.Special[i] = timelines.SpecialEntry{Index: r.number(), Kind: timelines.EntryKind(r.number()), TweetID: r.number(),
					AuthorID: r.number(), ParentAuthorID: r.number()}
			}
			if !r.flag() {
				r.fail()
			}
			return l
		},
		weight: func(l timelines.AuthorList) int { return 40*len(l.Special) + typicalWeight },
	}
}
