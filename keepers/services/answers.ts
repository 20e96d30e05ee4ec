// SPDX-License-Identifier: GPL-3.0-or-later
// The task that a column of labels implies: classes, several labels, or an amount.
import { isGap, numberOf } from '../learning/index.ts'
import type { ServiceTask } from '../versions/index.ts'
import { scaleOf } from './columns.ts'

/** A column with more different numbers than this is an amount, not the names of classes. */
const MOST_NUMBERS = 20
const DIGITS = 2

export type LossName = Extract<ServiceTask, { kind: 'regression' }>['loss']['kind']
/** Deviations beyond which an error pulls no harder. 1.345 keeps 95 % of the efficiency under normal noise (Huber 1964). */
const HUBER_DELTA = 1.345

export type TaskOptions = {
  /** The task to learn; by default derived from the column. */
  readonly task?: ServiceTask['kind']
  /** Unit of an amount, for display. */
  readonly unit?: string
  readonly loss?: LossName
  /** Classification: weigh classes by how rare they are. */
  readonly balance?: boolean
  /** What separates several labels in one field. */
  readonly separator?: string
}

/** Where labels come from, for messages. */
export type LabelSource = {
  readonly all: string
  readonly place: (row: number) => string
  readonly decimal?: ',' | undefined
}

/** @throws LearningError BAD_DATA naming the column or array, the place in it and what would do */
export function inferTask(
  labels: readonly string[],
  { all: column, place, decimal }: LabelSource,
  options: TaskOptions,
  bad: (what: string) => never,
): ServiceTask {
  const numbers = labels.map((label) => numberOf(label, decimal))
  const different = [...new Set(labels)]
  const amounts = numbers.every(Number.isFinite)
  const kind = options.task ?? (amounts && different.length > MOST_NUMBERS ? 'regression' : 'classification')
  const given = (flag: string, value: unknown, of: ServiceTask['kind']): void => {
    if (value !== undefined && kind !== of) bad(`${flag} is about a ${of}; ${column} is a ${kind}`)
  }
  given('--unit', options.unit, 'regression')
  given('--loss', options.loss, 'regression')
  given('--balance', options.balance, 'classification')
  given('--separator', options.separator, 'labels')
  if (kind === 'labels') return severalLabels(labels, column, options.separator ?? '|', bad)
  const empty = labels.findIndex(isGap)
  if (empty >= 0) {
    const found = labels[empty] === '' ? 'empty' : `'${labels[empty]}', which stands for nothing`
    bad(`${place(empty)} is ${found}: every sample needs its label: fill it in, or take the sample out`)
  }
  if (different.length < 2) {
    bad(
      `${column} has one value only ('${different[0] ?? ''}'): there is nothing to tell apart: choose another --target`,
    )
  }
  if (kind === 'regression') {
    const odd = numbers.findIndex((value) => !Number.isFinite(Math.fround(value)))
    if (odd >= 0) bad(`${place(odd)} is '${labels[odd]}': an amount is a number that a 32-bit float holds`)
    const loss = options.loss ?? 'mse'
    return {
      kind,
      unit: options.unit ?? '',
      target: scaleOf(numbers),
      loss: loss === 'huber' ? { kind: loss, delta: HUBER_DELTA } : { kind: loss },
    }
  }
  if ((amounts && different.length > MOST_NUMBERS) || different.length > Math.max(2, labels.length / 2)) {
    const advice = amounts ? '--task regression, or ' : ''
    bad(
      `${column} has ${different.length} different values, so it is an amount or a name, not a class: ${advice}choose another --target`,
    )
  }
  const classes = amounts ? different.sort((a, b) => numberOf(a, decimal) - numberOf(b, decimal)) : different.sort()
  if (options.balance !== true) return { kind, classes }
  const weights = classes.map((name) => {
    const share = labels.filter((label) => label === name).length / labels.length
    return Number((1 / (classes.length * share)).toPrecision(DIGITS))
  })
  return { kind, classes, weights }
}

function severalLabels(
  fields: readonly string[],
  column: string,
  separator: string,
  bad: (what: string) => never,
): ServiceTask {
  const labels = [...new Set(fields.flatMap((field) => field.split(separator).map((label) => label.trim())))].filter(
    (label) => label !== '',
  )
  if (labels.length < 2) bad(`${column} has ${labels.length} labels, with '${separator}' between them: at least 2`)
  if (labels.length > fields.length / 2) {
    bad(
      `${column} has ${labels.length} different labels in ${fields.length} rows: choose another --target or --separator`,
    )
  }
  return { kind: 'labels', labels: labels.sort(), separator }
}
