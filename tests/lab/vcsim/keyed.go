package main

import (
	"net/http"
	"net/http/httptest"
	"regexp"

	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/types"
)

// Paths such as config.extraConfig["key"] name one element of an array. vSphere answers them; the library does not
// know them, so it is asked for the whole array, of which the elements are taken.
var keyedPath = regexp.MustCompile(`<[^<>/]*pathSet>config\.extraConfig\[(?:&quot;|&#34;|")([^\]&"]+)(?:&quot;|&#34;|")\]</[^<>]*pathSet>`)

func (g *gate) keyed(r *http.Request, body []byte) *httptest.ResponseRecorder {
	keys := map[string]bool{}
	for _, found := range keyedPath.FindAllSubmatch(body, -1) {
		keys[string(found[1])] = true
	}
	if len(keys) == 0 {
		return g.pass(r, body)
	}
	done := false
	body = keyedPath.ReplaceAllFunc(body, func([]byte) []byte {
		if done {
			return nil
		}
		done = true
		return []byte(`<pathSet xmlns="urn:vim25">config.extraConfig</pathSet>`)
	})
	w := g.pass(r, body)
	var answer methods.RetrievePropertiesExBody
	if w.Code != http.StatusOK || decoded(w, &answer) != nil || answer.Res == nil || answer.Res.Returnval == nil {
		return w
	}
	objects := answer.Res.Returnval.Objects
	for i := range objects {
		objects[i].PropSet = expanded(objects[i].PropSet, keys)
		objects[i].MissingSet = others(objects[i].MissingSet)
	}
	return encoded(http.StatusOK, answer)
}

func expanded(properties []types.DynamicProperty, keys map[string]bool) []types.DynamicProperty {
	kept := []types.DynamicProperty{}
	for _, p := range properties {
		options, ok := p.Val.(types.ArrayOfOptionValue)
		if p.Name != "config.extraConfig" || !ok {
			kept = append(kept, p)
			continue
		}
		for _, o := range options.OptionValue {
			if v := o.GetOptionValue(); keys[v.Key] {
				kept = append(kept, types.DynamicProperty{Name: `config.extraConfig["` + v.Key + `"]`, Val: *v})
			}
		}
	}
	return kept
}

// others leaves out that the whole array is missing: an element that is not there is not told of.
func others(missing []types.MissingProperty) []types.MissingProperty {
	kept := []types.MissingProperty{}
	for _, m := range missing {
		if m.Path != "config.extraConfig" {
			kept = append(kept, m)
		}
	}
	return kept
}
