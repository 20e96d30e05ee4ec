// SPDX-License-Identifier: GPL-3.0-or-later
// What a keeper says of itself.
import { STATES } from '../../../keepers/agent/states.ts'
import { Fact } from '../ui/fact.tsx'
import { percent, span } from '../ui/format.ts'
import { Inert } from '../ui/inert.tsx'
import { Scrollable } from '../ui/scrollable.tsx'
import type { Alert } from './alerts.ts'
import type { Health, Reading } from './keeper.ts'
import { metricOf, type Sample } from './metrics.ts'

const number = (value: number | null): string => (value === null ? '–' : value.toLocaleString('en-US'))

/** A text of the keeper's health; null when it says none. */
function said(health: Health | null, name: string): string | null {
  const value = health?.[name]
  return typeof value === 'string' && value !== '' ? value : null
}

export function Figures({ reading: { at, health, samples } }: { readonly reading: Reading }) {
  const value = (name: string, labels?: Readonly<Record<string, string>>) => metricOf(samples, `cohort_${name}`, labels)
  const blockTime = value('chain_block_time_seconds')
  const balance = value('operator_balance_ether')
  const accuracy = value('holdout_accuracy_ratio')
  const state = STATES.find((one) => value('state', { state: one }) === 1) ?? '–'
  const version = samples.find(({ name }) => name === 'cohort_build_info')?.labels.version ?? '–'
  const member = value('member') === 1
  const why = said(health, 'notMember')
  return (
    <section>
      <h2>The keeper</h2>
      <p class={member ? 'done' : 'notice'}>
        {member ? 'It is a member of the running epoch.' : 'It is not a member of the running epoch.'}{' '}
        {!member && (why === null ? '`cohort keeper status` says why.' : <Inert text={why} most={400} />)}
      </p>
      <dl class="facts">
        <Fact name="Healthy">{health === null ? 'not in the metrics' : health.healthy === true ? 'yes' : 'no'}</Fact>
        <Fact name="State of the service">{state}</Fact>
        <Fact name="Epoch, round">
          {number(value('epoch'))}, {number(value('round'))}
        </Fact>
        <Fact name="Peers, through relays">
          {number(value('peers'))}, {number(value('relayed_peers'))}
        </Fact>
        <Fact name="Ether for gas">{balance === null ? '–' : balance.toFixed(4)}</Fact>
        <Fact name="Block, its age">
          {number(value('chain_block'))}, {blockTime === null || blockTime === 0 ? '–' : span(at - blockTime)}
        </Fact>
        <Fact name="Rounds completed since it started">{number(value('rounds_completed_total'))}</Fact>
        <Fact name="Samples, held out">
          {number(value('samples', { part: 'training' }))}, {number(value('samples', { part: 'holdout' }))}
        </Fact>
        <Fact name="Accuracy on its own hold-out">{accuracy === null ? '–' : percent(accuracy)}</Fact>
        <Fact name="Version">
          <Inert text={version} most={40} />
        </Fact>
      </dl>
      {['contradicted', 'signer', 'lastError'].map((name) => {
        const text = said(health, name)
        return (
          text !== null && (
            <p key={name} class="problem">
              <Inert text={text} most={600} />
            </p>
          )
        )
      })}
      <Counts title="Steps that it did" column="Step" label="step" samples={samples} name="cohort_steps_total" />
      <Counts title="Errors, by code" column="Code" label="code" samples={samples} name="cohort_errors_total" />
    </section>
  )
}

/** A counter by one label, without what is zero. */
function Counts({
  title,
  column,
  label,
  name,
  samples,
}: {
  readonly title: string
  readonly column: string
  readonly label: string
  readonly name: string
  readonly samples: readonly Sample[]
}) {
  const rows = samples.filter((one) => one.name === name && one.value > 0).slice(0, 50)
  if (rows.length === 0) return <p>{title}: none since it started.</p>
  return (
    <Scrollable label={title}>
      <table>
        <caption>{title}</caption>
        <thead>
          <tr>
            <th scope="col">{column}</th>
            <th scope="col">Since it started</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ labels, value }, i) => (
            <tr key={i}>
              <td>
                <Inert text={labels[label] ?? ''} most={60} />
              </td>
              <td>{number(value)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scrollable>
  )
}

const STATE_WORDS = { fires: 'fires', waits: 'holds, waits', quiet: 'quiet', unknown: 'cannot say yet' } as const

export function AlertList({ alerts }: { readonly alerts: readonly Alert[] }) {
  return (
    <section>
      <h2>Alerts</h2>
      <Scrollable label="Alerts">
        <table>
          <thead>
            <tr>
              <th scope="col">Alert</th>
              <th scope="col">State</th>
              <th scope="col">Severity</th>
              <th scope="col">What to do</th>
            </tr>
          </thead>
          <tbody>
            {alerts.map(({ name, state, severity, labels, text }) => (
              <tr key={`${name}/${JSON.stringify(labels)}`} data-alert={name} data-state={state}>
                <td>{name}</td>
                <td class={state === 'fires' ? 'problem' : undefined}>{STATE_WORDS[state]}</td>
                <td>{severity}</td>
                <td>
                  <Inert text={text} most={400} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scrollable>
    </section>
  )
}
