package windows

// Variant chooses where nobody outside Microsoft knows which of two things Windows
// does. The zero value is the likelier one; what is right must be right under all.
type Variant struct {
	SevenIsAll       bool // Profiles=7 reads back as 2147483647
	TrailingComma    bool // port keywords read back with a comma at the end
	ReverseAddresses bool // address lists read back in another order
	EmptyGrouping    bool // Grouping="" after a text reads "" and not null
	NameAtAssignment bool // a name that cannot be stored is refused when it is assigned, not by Add
	LastTwinFirst    bool // Remove and Item take the newest of several rules with one name
	RulesShowGPO     bool // the collection Rules lists the rules of group policy too
}
