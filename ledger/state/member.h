/* member.h: the sites that keep the ledger together: who they are, and how many of them make a decision.
 *
 *     site_admit        [expires, first key: bytes .size 32]                    votes of the members, see vote.h
 *     site_retire       [expires, site: bytes .size 16]
 *     site_key_replace  [expires, site, new key]                                a lost key, by vote of the others
 *     site_policy       [approvals]                                             a site about itself
 *
 * A change of membership counts AIC_MEMBER_DELAY heights after it was voted. */
#ifndef AIC_LEDGER_MEMBER_H
#define AIC_LEDGER_MEMBER_H

#include "ledger/state/state.h"

#define AIC_MEMBER_DELAY 64
#define AIC_MEMBERS_MAX 1024

/* floor(2n/3) + 1 of n from four sites on, floor(n/2) + 1 below. */
uint64_t aic_quorum(uint64_t members);
/* How many are members at that height. */
aic_code aic_members_active(aic_state *s, uint64_t height, uint64_t *n, aic_error *err);
/* Ids of all members, past ones included; *site is malloc'ed. */
aic_code aic_members_all(aic_state *s, aic_id **site, size_t *n, aic_error *err);
bool aic_member_is_active(const aic_member *m, uint64_t height);
/* A new member with its first key; refused where the site stands already. */
aic_code aic_member_add(aic_state *s, const uint8_t key[AIC_PUBLIC_LEN], uint64_t since, aic_error *err);

void aic_site_admit_body(aic_bytes *out, uint64_t expires, const uint8_t key[AIC_PUBLIC_LEN]);
void aic_site_retire_body(aic_bytes *out, uint64_t expires, const aic_id *site);
void aic_site_key_replace_body(aic_bytes *out, uint64_t expires, const aic_id *site, const uint8_t key[AIC_PUBLIC_LEN]);
void aic_site_policy_body(aic_bytes *out, uint64_t approvals);

/* key.c: keys of a site's nodes and administrators, by the site's own key; a site's key by itself.
 *
 *     key_register  [role, key: bytes .size 32, until: height, 0 for none]      role 2 node, 3 administrator
 *                   [2, key, until, VRF key: bytes .size 32]                    a node that may draw for blocks
 *     key_rotate    [new key]                                                   the signer's own successor, its role and site
 *     key_revoke    [key]                                                       a node's or administrator's of the same site
 *     node_vrf      [key, VRF key]                                              of a node of the same site: its first one, or another */
/* vrf: NULL for none. */
void aic_key_register_body(aic_bytes *out, aic_role role, const uint8_t key[AIC_PUBLIC_LEN], uint64_t until, const uint8_t *vrf);
void aic_node_vrf_body(aic_bytes *out, const uint8_t key[AIC_PUBLIC_LEN], const uint8_t vrf[AIC_PUBLIC_LEN]);
void aic_key_rotate_body(aic_bytes *out, const uint8_t key[AIC_PUBLIC_LEN]);
void aic_key_revoke_body(aic_bytes *out, const uint8_t key[AIC_PUBLIC_LEN]);

aic_code aic_not_paused(aic_state *s, aic_error *err);

#endif
