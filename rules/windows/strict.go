package windows

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"
)

// decodeStrict reads one JSON value of v's form and nothing else: no unknown key, no
// key twice or in another case, no missing key unless it is omitempty, no null, and
// nothing behind it.
func decodeStrict(data []byte, v any) error {
	if len(bytes.TrimSpace(data)) == 0 {
		return fmt.Errorf("there is no answer")
	}
	if !utf8.Valid(data) {
		return fmt.Errorf("the answer is not UTF-8: %s", brief(string(data[:min(len(data), 80)])))
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := shape(d, reflect.TypeOf(v).Elem(), "the answer"); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("something follows the answer")
	}
	return json.Unmarshal(data, v)
}

// shape walks a value beside the type that is to hold it.
func shape(d *json.Decoder, t reflect.Type, at string) error {
	if t == reflect.TypeFor[json.RawMessage]() {
		var skip json.RawMessage
		return cut(d.Decode(&skip))
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	token, err := d.Token()
	if err != nil {
		return cut(err)
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		if token != json.Delim('{') {
			return fmt.Errorf("%s is no object", at)
		}
		return shapeObject(d, t, at)
	case reflect.Slice, reflect.Array:
		if token != json.Delim('[') {
			return fmt.Errorf("%s is no list", at)
		}
		n := 0
		for ; d.More(); n++ {
			if err := shape(d, t.Elem(), at+"[]"); err != nil {
				return err
			}
		}
		if t.Kind() == reflect.Array && n != t.Len() {
			return fmt.Errorf("%s has %d entries instead of %d", at, n, t.Len())
		}
	default:
		if _, list := token.(json.Delim); list || token == nil {
			return fmt.Errorf("%s is no single value", at)
		}
		return nil
	}
	_, err = d.Token() // the end of the list
	return cut(err)
}

func shapeObject(d *json.Decoder, t reflect.Type, at string) error {
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return cut(err)
		}
		key, _ := token.(string)
		if seen[key] {
			return fmt.Errorf("%s has %s twice", at, brief(key))
		}
		seen[key] = true
		inner := t
		if t.Kind() == reflect.Map {
			inner = t.Elem()
		} else if inner = keyType(t, key); inner == nil {
			return fmt.Errorf("%s has the key %s, which this farmwall does not know", at, brief(key))
		}
		if err := shape(d, inner, at+"."+brief(key)); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return cut(err)
	}
	if t.Kind() == reflect.Map {
		return nil
	}
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if !seen[name] && options != "omitempty" {
			return fmt.Errorf("%s has no %s", at, name)
		}
	}
	return nil
}

// keyType is the type of the struct's field with the key, nil where there is none.
func keyType(t reflect.Type, key string) reflect.Type {
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name == key {
			return t.Field(i).Type
		}
	}
	return nil
}

func cut(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("the answer is cut off")
	}
	return err
}
