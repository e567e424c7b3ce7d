package linux

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// nftItem is one member of nft's list.
type nftItem struct {
	Metainfo *struct {
		Version string `json:"version"`
	} `json:"metainfo"`
	Table *struct {
		Family string          `json:"family"`
		Name   string          `json:"name"`
		Flags  json.RawMessage `json:"flags"`
	} `json:"table"`
	Chain *struct {
		Family string          `json:"family"`
		Table  string          `json:"table"`
		Name   string          `json:"name"`
		Type   string          `json:"type"`
		Hook   string          `json:"hook"`
		Dev    json.RawMessage `json:"dev"`
		Prio   int             `json:"prio"`
		Policy string          `json:"policy"`
	} `json:"chain"`
	Rule *struct {
		Family  string            `json:"family"`
		Table   string            `json:"table"`
		Chain   string            `json:"chain"`
		Handle  int               `json:"handle"`
		Comment string            `json:"comment"`
		Expr    []json.RawMessage `json:"expr"`
	} `json:"rule"`
	Set *nftSet `json:"set"`
	Map *nftSet `json:"map"`
}

type nftSet struct {
	Family string            `json:"family"`
	Table  string            `json:"table"`
	Name   string            `json:"name"`
	Type   json.RawMessage   `json:"type"`
	Flags  json.RawMessage   `json:"flags"`
	Elem   []json.RawMessage `json:"elem"`
}

// decodeNft reads the answer of nft -j -s -n list ruleset, or of list table for each.
func decodeNft(b []byte) (*Ruleset, error) {
	d := nftDecoder{set: &Ruleset{}, chains: map[string]*Chain{}}
	in := json.NewDecoder(bytes.NewReader(b))
	for documents := 0; ; documents++ {
		var all struct {
			Nftables []nftItem `json:"nftables"`
		}
		err := in.Decode(&all)
		if err == io.EOF && documents > 0 {
			return d.set, nil
		}
		if err != nil {
			return nil, fmt.Errorf("nft's JSON: %w", err)
		}
		if len(all.Nftables) == 0 || all.Nftables[0].Metainfo == nil {
			return nil, fmt.Errorf("nft's JSON does not begin with metainfo: %s", brief(b))
		}
		if v := all.Nftables[0].Metainfo.Version; v != "" {
			d.set.Version = v
		}
		for i := range all.Nftables {
			if err := d.add(&all.Nftables[i]); err != nil {
				return nil, fmt.Errorf("nft's JSON: %w", err)
			}
		}
	}
}

// nftDecoder puts the members of the list where they belong.
type nftDecoder struct {
	set    *Ruleset
	chains map[string]*Chain // by family, table and name, NUL between
}

func (d *nftDecoder) add(it *nftItem) error {
	switch {
	case it.Table != nil:
		if d.set.Find(it.Table.Family, it.Table.Name) != nil {
			return fmt.Errorf("table %s %s is there twice", it.Table.Family, it.Table.Name)
		}
		t := &Table{Family: it.Table.Family, Name: it.Table.Name, Sets: map[string]*NamedSet{}}
		t.Dormant = contains(words(it.Table.Flags), "dormant")
		d.set.Tables = append(d.set.Tables, t)
	case it.Chain != nil:
		c := it.Chain
		t, err := d.table(c.Family, c.Table, "chain", c.Name)
		if err != nil {
			return err
		}
		key := c.Family + "\x00" + c.Table + "\x00" + c.Name
		if d.chains[key] != nil {
			return fmt.Errorf("chain %s %s %s is there twice", c.Family, c.Table, c.Name)
		}
		chain := &Chain{Name: c.Name, Type: c.Type, Hook: c.Hook, Priority: c.Prio, Policy: c.Policy, Devices: words(c.Dev)}
		if chain.Hook != "" && chain.Policy == "" {
			chain.Policy = "accept"
		}
		d.chains[key] = chain
		t.Chains = append(t.Chains, chain)
	case it.Rule != nil:
		r := it.Rule
		c := d.chains[r.Family+"\x00"+r.Table+"\x00"+r.Chain]
		if c == nil {
			return fmt.Errorf("a rule stands in chain %s %s %s, which is not there", r.Family, r.Table, r.Chain)
		}
		c.Rules = append(c.Rules, &NftRule{Handle: r.Handle, Comment: r.Comment, Expr: r.Expr})
	case it.Set != nil:
		return d.addSet("set", it.Set)
	case it.Map != nil:
		return d.addSet("map", it.Map)
	}
	// Anything else is an object (a counter, a helper), which decides nothing.
	return nil
}

func (d *nftDecoder) addSet(kind string, s *nftSet) error {
	t, err := d.table(s.Family, s.Table, kind, s.Name)
	if err != nil {
		return err
	}
	if t.Sets[s.Name] != nil {
		return fmt.Errorf("%s %s is twice in %s", kind, s.Name, t.Place())
	}
	t.Sets[s.Name] = &NamedSet{Name: s.Name, Kind: kind, Type: words(s.Type), Flags: words(s.Flags), Elem: s.Elem}
	return nil
}

func (d *nftDecoder) table(family, name, kind, member string) (*Table, error) {
	if t := d.set.Find(family, name); t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("%s %s stands in table %s %s, which is not there", kind, member, family, name)
}

// words reads what nft writes as one text or as a list of texts; anything else is none.
func words(raw json.RawMessage) []string {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return nil
	}
	var one string
	if json.Unmarshal(raw, &one) == nil {
		if one == "" {
			return nil
		}
		return []string{one}
	}
	var many []string
	if json.Unmarshal(raw, &many) == nil {
		return many
	}
	return nil
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// plain says whether a text of the ruleset stays on its line in nft's own output.
func plain(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}
