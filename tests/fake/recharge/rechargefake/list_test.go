package rechargefake

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// needs are the parameters without which a list is refused.
func needs(t testing.TB, fake *Server, kind string) []string {
	switch {
	case strings.HasPrefix(kind, "metafields_"):
		return []string{"owner_resource", strings.TrimPrefix(kind, "metafields_")}
	case kind == "products":
		var ids []string
		for _, raw := range oracle(t, fake, kind) {
			ids = append(ids, plainText(memberRaw([]byte(raw), "external_product_id")))
		}
		return []string{"external_product_ids", strings.Join(ids, ",")}
	case kind == "onetimes":
		return []string{"include_cancelled", "true"}
	}
	return nil
}

func TestAWalkShowsEveryObjectOnceAsTheOracleHasIt(t *testing.T) {
	fake, c := start(t, Options{Seed: 1, Objects: 2000, TypeDrift: true})
	for _, k := range fake.world.kinds {
		if k.below != "" {
			continue
		}
		want := oracle(t, fake, k.name)
		slices.Reverse(want) // without sort_by the newest comes first
		got := c.walk("/"+k.urlPath(), append(needs(t, fake, k.name), "limit", "37")...)
		if diff := cmp.Diff(want, got); diff != "" || len(got) == 0 {
			t.Errorf("%s: %d of %d objects (-want +got):\n%.2000s", k.name, len(got), len(want), diff)
		}
	}
}
