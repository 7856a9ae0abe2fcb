package demo

import "strings"

// patterns are what people say. {x} is replaced by any one of slots["x"].
var patterns = []string{
	"The {animal} in the garden has learned to open the gate. We are no longer in charge.",
	"Day {count} of trying to bake {food}. Today it only caught fire a little.",
	"Whoever left {thing} on the {vehicle} this morning: it is safe with the driver.",
	"Unpopular opinion: {food} is better the next day.",
	"Nobody warned me that {hobby} is nine parts waiting and one part running.",
	"Spent the whole afternoon looking for {thing}. It was in my hand.",
	"My grandmother rates every town by its {food}. This one got a nod.",
	"Saw {animal} on the {vehicle}. It had a seat. I did not.",
	"{weather} again. The {animal} is the only one who dressed for it.",
	"If you have never tried {hobby} in the rain, keep it that way.",
	"Small victory: found {thing} after {count} months, in a drawer.",
	"The neighbours have taken up {hobby}. We have taken up walking.",
	"Reading in the window with {food} and {weather} outside. Nothing to report.",
	"Somebody repainted the bench by the harbour and now everyone walks slower. #smallthings",
	"A child asked me today what {hobby} is for. Still thinking.",
	"Fixed a bug by explaining it to the {animal}. It was not impressed.",
	"There is {weather} and then there is whatever this is.",
	"Traded {thing} for {food} at the market. Both sides think they won.",
	"The {vehicle} was on time. I was not ready for that.",
	"Please stop giving the {animal} {food}. It has started to ask for it by name.",
	"Three people in one queue talking about {hobby}. I have found my town.",
	"Lost: one glove. Found: {thing}. The universe keeps strange books.",
	"It took {count} tries, but the photo of the {animal} is finally in focus.",
	"Slow morning. {food}, the paper, and the sound of {weather}.",
	"I would like to thank the stranger on the {vehicle} who carried {thing} up two flights of stairs.",
	"Every {hobby} club has one person who brings {food}. Be that person.",
	"My plan for the weekend: {hobby}. The weekend's plan for me: {weather}.",
	"They say never go back. I went back for the {food}. ✨",
	"Tonight's moon is ridiculous. Go outside and look. #sky",
	"Counted {count} herons between here and the bridge. 🪶",
	"Café closed for {hobby}. A sign I respect.",
	"The best part of {weather} is being able to talk about it.",
	"You can tell a lot about people by how they hold {thing}.",
	"First {food} of the season! I may have shouted in the shop.",
	"Today I learned that the {animal} has its own fan club. With a treasurer.",
	"Missed the {vehicle} and met an old friend. Best delay in years.",
}

var slots = map[string][]string{
	"animal": {"hen", "tortoise", "ginger cat", "goose", "hedgehog", "old greyhound"},
	"food":   {"plum cake", "rye bread", "leek soup", "dumplings", "lemon tart", "pickled herring", "rice pudding"},
	"thing": {"a single roller skate", "the good scissors", "an accordion", "a brass telescope", "my spare keys",
		"a box of doorknobs"},
	"vehicle": {"night bus", "ferry", "number 12 tram", "slow train"},
	"hobby":   {"beekeeping", "bell-ringing", "night fishing", "letterpress", "kite building", "bouldering", "stargazing"},
	"weather": {"fog", "sideways rain", "first frost", "thunder over the bay", "a very serious wind"},
	"count":   {"three", "eleven", "seventeen", "forty"},
}

// sentences returns every text that the patterns can make, in a fixed order.
func sentences() []string {
	var all []string
	for _, p := range patterns {
		all = append(all, fill([]string{p})...)
	}
	return all
}

// fill replaces the first slot in each text by all its words until none is left.
func fill(texts []string) []string {
	var out []string
	for _, text := range texts {
		before, rest, found := strings.Cut(text, "{")
		if !found {
			out = append(out, text)
			continue
		}
		slot, after, _ := strings.Cut(rest, "}")
		for _, word := range slots[slot] {
			if before == "" {
				word = strings.ToUpper(word[:1]) + word[1:]
			}
			out = append(out, fill([]string{before + word + after})...)
		}
	}
	return out
}
