package accounts

// put writes a record past the rules of a store.
func (s *MemoryStore) put(r Record) {
	s.edit(r.Key, func(old *Record) { *old = r })
}

// edit changes a record past the rules of a store.
func (s *MemoryStore) edit(key Key, change func(*Record)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s.accounts[key])
}
