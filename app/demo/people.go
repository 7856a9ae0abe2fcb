package demo

// role is how a person is connected with the others.
type role int

const (
	regular role = iota
	// celebrity is followed by nearly everybody, and follows few.
	celebrity
	// newcomer has come today, and has few followers.
	newcomer
)

// person is a person of the demo world. The first one is the account of the visitor. website is empty for those who have none.
type person struct {
	username, name, bio, website string
	role                         role
}

// people keep their places: a demo world that an earlier release has made has the first of them, with the same ids. New ones are added at
// the end.
var people = []person{
	{"ada", "Ada Whitfield", "You are here. Tea, long walks, short programs.", "", regular},
	{"tomas_b", "Tomás Becerra", "Bakes bread at four in the morning so that you need not.", "https://example.com/bakery", regular},
	{"junko", "Junko Hayashi", "Maps, mostly of places that no longer exist.", "https://example.com/maps", regular},
	{"pelle", "Pelle Lindqvist", "Retired ferry captain. The sea is still there, I checked.", "", regular},
	{"miriam_k", "Miriam Katz", "Emergency nurse by night, terrible painter by day.", "", regular},
	{"obi", "Obinna Eze", "I repair radios. Some of them even ask me to.", "https://example.com/repair-evening", regular},
	{"lotte", "Lotte Vermeer", "Not related. Restores bicycles in a very small shed.", "https://example.com/bikes", regular},
	{"sanjay_r", "Sanjay Rao", "Databases at work, tomatoes at home. The tomatoes scale better.", "https://example.com/sanjay", regular},
	{"freya", "Freya Nordahl", "Glaciologist. Everything I study is leaving.", "https://example.com/glacier", regular},
	{"marcel", "Marcel Dubois", "Opinions about cheese, given freely.", "", regular},
	{"aoife", "Aoife Brennan", "Fiddle player, night bus regular, collector of umbrellas.", "https://example.com/anchor", regular},
	{"kwame_a", "Kwame Asante", "Teaches mathematics to people who came for the snacks.", "", regular},
	{"ines", "Inês Carvalho", "Translator. I live between two words.", "", regular},
	{"rob_t", "Rob Tanaka", "Trains: riding them, waiting for them, explaining them.", "https://example.com/buffets", regular},
	{"zuzana", "Zuzana Horáková", "Puppeteer. Pulling strings since 1998.", "https://example.com/puppets", regular},
	{"hal", "Hal Jennings", "Model rockets. Two of them came back.", "https://example.com/rockets", regular},
	{"nadia_f", "Nadia Farouk", "Archaeologist. I dig my job.", "https://example.com/dig", regular},
	{"leo", "Leonardo Ricci", "Piano tuner with a strong A.", "", regular},
	{"priya", "Priya Menon", "Writes compilers, reads cookbooks, confuses the two.", "https://example.com/priya", regular},
	{"anselm", "Anselm Vogt", "Beekeeper. Forty thousand employees, no meetings.", "", regular},
	{"claire_o", "Claire Okafor", "Public librarian and defender of the quiet carriage.", "https://example.com/library", regular},
	{"sven", "Sven Aalto", "Sauna first, questions later.", "", regular},
	{"mei", "Mei Chen", "Kites, wind, and the physics in between.", "https://example.com/kites", regular},
	{"dario", "Darío Fuentes", "Street photographer. You blinked.", "https://example.com/tram-seat", regular},
	{"hannah_w", "Hannah Wolff", "Radio plays and other things you see with your ears.", "https://example.com/radio-plays", regular},
	{"tariq", "Tariq Mansour", "Chess in the park, draughts in the window.", "", regular},
	{"elsa", "Elsa Moreau", "Marine biologist, currently outwitted by an octopus.", "https://example.com/heron", regular},
	{"gus", "Gus Papadakis", "Third-generation printer. Ask me about the letter g.", "https://example.com/press", regular},
	{"yara", "Yara Haddad", "Climbing, coffee, climbing back down.", "", regular},
	{"benedikt", "Benedikt Huber", "Clockmaker. Late for everything.", "https://example.com/uhren", regular},
	{"nomvula", "Nomvula Dlamini", "Astronomer on cloudy nights too.", "https://example.com/observatory", regular},
	{"patrick_s", "Patrick Sweeney", "Allotment holder number 41. The slugs know my name.", "", regular},
	{"lucia", "Lucía Ortega", "Set designer. I have built Venice four times.", "https://example.com/sets", regular},
	{"ivan_p", "Ivan Petrov", "Old cameras, new mistakes.", "", regular},
	{"greta", "Greta Sandberg", "Cross-country skier in a flat country.", "", regular},
	{"moses", "Moses Kiptoo", "Runs before breakfast. Sometimes it is far away.", "", regular},
	{"olga", "Olga Marchenko", "Choir conductor. All together now.", "https://example.com/choir", regular},
	{"wim", "Wim de Groot", "Water engineer. Below sea level and fine with it.", "", regular},
	{"sara_l", "Sara Lindgren", "Keeps a diary of every dog she meets.", "", regular},
	{"felix", "Felix Brandt", "Juggler, accountant. The same job, really.", "", newcomer},
	{"marisol", "Marisol Vega", "Actor. Dies for a living, mostly in season finales. Professor is the dog.", "https://example.com/theatre",
		celebrity},
	{"kit_f", "Kit Ferguson", "New here. I like first and read later.", "", newcomer},
	{"lin_zhao", "Lin Zhao", "Beginner with binoculars. 三种鸟，还在数。", "", newcomer},
}
