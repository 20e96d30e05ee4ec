// SPDX-License-Identifier: GPL-3.0-or-later

/** IInferenceHub.OutputForm. */
export const FORM = { unstated: 0, label: 1, labelAndMargin: 2, score: 3, hash: 4 } as const

/** What a model of each form states when it is registered. */
export const OUTPUT = {
  label: { form: FORM.label, scale: 0 },
  labelAndMargin: { form: FORM.labelAndMargin, scale: 0 },
  score: { form: FORM.score, scale: 1 },
  hash: { form: FORM.hash, scale: 0 },
} as const
