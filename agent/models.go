package agent

// The texts of the package's own errors for models: what happened, and what to do.

// ModelText implements explain.ModelError.
func (e *PolicyError) ModelText() string {
	return "Not done: " + e.Error() + ". Tell the user. Do not try another way."
}

// ModelText implements explain.ModelError.
func (e *LimitError) ModelText() string {
	return "Not done: " + e.Error() + ". Tell the user; only the host can change the limit."
}

// ModelText implements explain.ModelError.
func (e *KeepError) ModelText() string { return "Nothing was sent: " + e.Why + "; " + e.Instead + "." }

// ModelText implements explain.ModelError.
func (e *NotOfferedError) ModelText() string { return "Not done: " + e.Error() + "." }

// ModelText implements explain.ModelError.
func (e *OrderError) ModelText() string { return "Not done: " + e.Error() + "." }

// ModelText implements explain.ModelError.
func (e *CutOffError) ModelText() string {
	return "Not done: the message was cut off before this call was complete (" + e.Reason +
		"). Nothing of the call was carried out. Make it again, whole; if the message was too long, write less and make fewer calls in it."
}

// ModelText implements explain.ModelError.
func (e *StateError) ModelText() string {
	switch e.State {
	case Pending:
		return "Not done yet: a person has been asked and has not decided. Do not repeat the call; tell the user."
	case Denied:
		return "Not done: a person has denied this call. Do not repeat it and do not try another way; tell the user."
	case Executing:
		return "This call is being carried out already. Do not repeat it."
	case Done:
		return "This call has been carried out already. Do not repeat it."
	case Unclear:
		return "This call may have been carried out. Do not repeat it; look in Close first."
	case Expired:
		return "Not done: the call was not approved and carried out in time. Make it anew if it is still wanted."
	case Approved, Stale, Failed:
	}
	return "Not done: what a person approved is no longer true. Look at the records again, then make the call anew if it is still wanted."
}
