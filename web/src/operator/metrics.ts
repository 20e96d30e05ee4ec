// SPDX-License-Identifier: GPL-3.0-or-later
// What a keeper's /metrics says. Source: Prometheus text exposition format 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/).

export type Sample = {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** Bytes of a text at most: a keeper's has some 40 kB. */
export const MOST_BYTES = 4 << 20
/** Samples at most. */
const MOST_SAMPLES = 20_000

/** The text is not what /metrics gives; the message says the line and what is wrong with it. */
export class MetricsError extends Error {
  override readonly name = 'MetricsError'
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?[ \t]+(\S+)(?:[ \t]+-?\d+)?$/
const LABEL = /^\s*([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"\s*(?:,|$)/

/** @throws MetricsError for a text that is too long, or has a line of another form, or no metric of a keeper */
export function parseMetrics(text: string): Sample[] {
  if (text.length > MOST_BYTES)
    throw new MetricsError(`the text has ${text.length} characters, at most ${MOST_BYTES} are read`)
  const samples: Sample[] = []
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    const [, name, labels, value] = LINE.exec(line) ?? []
    const number = numberOf(value)
    if (name === undefined || number === null) {
      throw new MetricsError(
        `line ${index + 1}, '${line.slice(0, 60)}', is no metric: paste what the keeper's /metrics gives, whole`,
      )
    }
    if (samples.length === MOST_SAMPLES)
      throw new MetricsError(`more than ${MOST_SAMPLES} metrics: paste those of one keeper`)
    samples.push({ name, labels: labelsOf(labels ?? '', index + 1), value: number })
  }
  if (!samples.some(({ name }) => name.startsWith('cohort_'))) {
    throw new MetricsError('none of these is a keeper’s metric: their names begin with cohort_')
  }
  return samples
}

function numberOf(text: string | undefined): number | null {
  if (text === undefined) return null
  if (/^[+-]?Inf$/i.test(text)) return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  if (/^NaN$/i.test(text)) return Number.NaN
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : null
}

function labelsOf(text: string, line: number): Record<string, string> {
  // Without a prototype: a label may be called __proto__.
  const labels: Record<string, string> = Object.create(null)
  for (let rest = text; rest.trim() !== ''; ) {
    const [all, name, value] = LABEL.exec(rest) ?? []
    if (all === undefined)
      throw new MetricsError(`line ${line}: the labels '${rest.slice(0, 60)}' are not name="value"`)
    labels[name!] = value!.replaceAll(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped))
    rest = rest.slice(all.length)
  }
  return labels
}

/** One metric's value; null when the keeper does not have it. */
export function metricOf(
  samples: readonly Sample[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | null {
  const wanted = Object.entries(labels)
  return (
    samples.find((one) => one.name === name && wanted.every(([key, value]) => one.labels[key] === value))?.value ?? null
  )
}
