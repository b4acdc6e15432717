/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What was lost and why. The including file declares the map "counters" with one value, a struct of counters. */
#ifndef THROUGHLINE_COUNTERS_H
#define THROUGHLINE_COUNTERS_H

#define COUNT(reason)                                                                                         \
	do {                                                                                                  \
		__u32 first = 0;                                                                              \
		typeof(*counters.value) *values = bpf_map_lookup_elem(&counters, &first);                     \
		if (values)                                                                                   \
			values->reason += 1;                                                                  \
	} while (0)

#endif
