// SPDX-License-Identifier: GPL-3.0-or-later
// Constants of the curve BN254 (EIP-196, EIP-197), where every proof of this package lives.

/** Order of the groups, and the field of a circuit's signals. */
export const SCALAR_FIELD = 21888242871839275222246405745257275088548364400416034343698204186575808495617n

/** The field that the coordinates of points are in. */
export const BASE_FIELD = 21888242871839275222246405745257275088696311157297823662689037894645226208583n

/** 2^28 divides r − 1 and 2^29 does not: the largest domain of evaluation points is 2^28. */
export const SCALAR_FIELD_TWO_ADICITY = 28

/** Bytes of a field element. */
export const FIELD_BYTES = 32
