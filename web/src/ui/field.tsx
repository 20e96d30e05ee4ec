// SPDX-License-Identifier: GPL-3.0-or-later
// One named choice of a form, with what is wrong with it beside it.
import type { ComponentChildren } from 'preact'
import { useId } from 'preact/hooks'
import { inert } from './inert-text.ts'

/** A label, its control and a note; `children` gets the ids that tie them together. */
export function Field({
  name,
  note,
  problem = '',
  children,
}: {
  readonly name: string
  readonly note?: string
  readonly problem?: string
  readonly children: (ids: {
    readonly id: string
    readonly 'aria-describedby': string
    readonly 'aria-invalid': boolean
  }) => ComponentChildren
}) {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{inert(name, 80)}</label>
      {children({ id, 'aria-describedby': `${id}-note`, 'aria-invalid': problem !== '' })}
      <span id={`${id}-note`} class="quiet">
        {problem !== '' ? <span class="problem">{inert(problem)}</span> : note && inert(note)}
      </span>
    </div>
  )
}

/** A number with its bounds. */
export function NumberField({
  name,
  note,
  value,
  min,
  max,
  step = 1,
  onChange,
}: {
  readonly name: string
  readonly note?: string
  readonly value: number
  readonly min: number
  readonly max: number
  readonly step?: number | 'any'
  readonly onChange: (value: number) => void
}) {
  const right = value >= min && value <= max && (step !== 1 || Number.isInteger(value))
  const problem = right ? '' : `${name}: takes ${step === 1 ? 'a whole number' : 'a number'} from ${min} to ${max}`
  return (
    <Field name={name} problem={problem} {...(note === undefined ? {} : { note })}>
      {(ids) => (
        <input
          {...ids}
          type="number"
          {...{ min, max, step }}
          value={Number.isNaN(value) ? '' : value}
          onInput={({ currentTarget }) =>
            onChange(currentTarget.value.trim() === '' ? Number.NaN : Number(currentTarget.value))
          }
        />
      )}
    </Field>
  )
}

export function ChoiceField<T extends string>({
  name,
  note,
  value,
  options,
  onChange,
}: {
  readonly name: string
  readonly note?: string
  readonly value: T
  readonly options: readonly (readonly [value: T, words: string])[]
  readonly onChange: (value: T) => void
}) {
  return (
    <Field name={name} {...(note === undefined ? {} : { note })}>
      {(ids) => (
        <select {...ids} value={value} onChange={({ currentTarget }) => onChange(currentTarget.value as T)}>
          {options.map(([one, words]) => (
            <option key={one} value={one}>
              {inert(words, 80)}
            </option>
          ))}
        </select>
      )}
    </Field>
  )
}
