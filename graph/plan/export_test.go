package plan

// Kept returns the number of slots of a run that the plan keeps, 0 if it keeps none.
func Kept(p *Plan) int {
	r, ok := p.runs.Get().(*Run)
	if !ok {
		return 0
	}
	return len(r.memory)
}
