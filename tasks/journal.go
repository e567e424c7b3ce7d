package tasks

// Journal keeps runs, plans, outcomes and undo copies.
type Journal struct{}
