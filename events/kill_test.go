package events_test

const childEnv = "ROOST_EVENTS_CHILD"

func child() {}
