// Package budget bounds what each caller may spend, in the points of package guard.
//
// # Who pays
//
// A signed-in caller pays from the budget of the user, wherever the request comes from. A caller without a session pays from the budget
// of the IPv4 address, or the IPv6 /64 network, which all such callers there share. So users behind one address do not take anything
// from each other, nor from visitors, nor do visitors from them.
//
// Besides, the signed-in callers of one address pay from a much larger budget together, ManyUsers times that of a user, so that many
// accounts do not add up. When it is empty, it refuses only users who have spent more than a tenth of their own budget: what a tenth
// earns is each user's own, whatever others behind the address do.
//
// # The algorithm
//
// A budget is a debt that shrinks with time (package gcra). An operation pays its whole cost before it begins, and gets nothing back. An
// operation that is refused pays nothing. What costs nothing is never refused.
//
// # Nodes
//
// A node decides by itself, from its own copy of a debt. It reports spendings to the store that all nodes share, which answers with the
// debt as it is there, so no request waits for the store as a rule. The report of a key comes when a fortieth of the limit has been spent
// since the last one, or after ReportAfter. With a twentieth of the limit unreported, the next spending waits for the report. So N nodes
// let a caller spend at most N twentieths of the limit more than one node alone. An operation that costs more than a
// twentieth counts as one.
//
// A store that does not answer is not waited for: each node then lets a caller spend the whole budget. When the store answers again,
// each node's report contains its copy of the debt, so a store that has lost the debts has them again, but for a
// twentieth of the limit for each node.
//
// # At the limits
//
// A node remembers the debts of MaxKeys callers. The least recently seen one is forgotten first; with a store it is known again after
// the next report.
package budget
