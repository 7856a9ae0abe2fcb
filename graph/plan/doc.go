// Package plan answers GraphQL operations from plans that are compiled once for each document.
//
// An executor that resolves field by field makes a context, a closure and a map for each of the hundreds of fields of a page. A plan
// works on batches instead. Each object type has a key that names its objects, such as the id of a tweet. A Column is a question
// that is answered for many keys at once, such as "which row has this tweet". A field of a type either is written from the key and
// one column, or leads to the keys of other objects. So a plan asks, level by level, one question for all objects at a position of
// the document, and writes the JSON in one pass at the end.
//
//	var tweet = &plan.Type[int64]{Name: "Tweet", Is: []string{"Tweet", "Node", "Reactable"},
//		Exists: plan.Exists(tweetRow, func(t *tweets.Tweet) bool { return t != nil }),
//		Fields: map[string]plan.Field[int64]{
//			"text":   plan.Leaf(tweetRow, func(b []byte, t *tweets.Tweet) []byte { return plan.AppendString(b, t.Text) }),
//			"author": plan.One(tweetRow, userType, authorOf),
//		}}
//
//	p, ok := plan.Compile(operation, query, operation.Operation.SelectionSet)
//	data, result := p.Answer(ctx, env, operation.Variables, nil, buffer)
//
// # What a plan does not answer
//
// A plan writes only answers without errors. Compile refuses a document with a field that no table has, with @defer, or with a
// construct whose outcome only the other executor defines. Answer gives up when a column has an error, an argument is refused, or
// a value is null where the schema forbids it. The caller then runs the operation from the start in the ordinary way, which is safe
// because a plan only reads. Values that were read are handed to Env.Keep, so that they are not read again.
//
// # One value for each key
//
// Within one run a column is asked at most once for a key, however many positions of the document need the key. So a response
// never shows two versions of one row.
//
// A Plan is safe for concurrent use. It keeps the memory of finished runs for the next one; the memory of a run that had more than
// maxKept keys in one place is dropped.
package plan
