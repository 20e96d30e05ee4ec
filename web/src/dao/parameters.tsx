// SPDX-License-Identifier: GPL-3.0-or-later
// What the numbers of this deployment are, and what they mean.
import type { Connection } from '../chain/connection.ts'
import { Show, useLoaded } from '../ui/async.tsx'
import { Inert } from '../ui/inert.tsx'
import { inert } from '../ui/inert-text.ts'
import { Scrollable } from '../ui/scrollable.tsx'
import { readParameters } from './parameters.ts'

export function Parameters({ connection }: { readonly connection: Connection }) {
  const { block } = connection.head.value
  const sections = useLoaded(() => readParameters(connection), [], block)
  return (
    <Show loaded={sections} what="the parameters">
      {(list) => (
        <>
          {list.map(({ title, who, parameters }) => (
            <section key={title}>
              <h2>
                <Inert text={title} most={80} />
              </h2>
              <p>Set by {who}.</p>
              <Scrollable label={`Parameters: ${inert(title, 80)}`}>
                <table>
                  <thead>
                    <tr>
                      <th scope="col">Name</th>
                      <th scope="col">Now</th>
                      <th scope="col">Next epoch</th>
                      <th scope="col">What it is</th>
                    </tr>
                  </thead>
                  <tbody>
                    {parameters.map(({ name, value, next, meaning }) => (
                      <tr key={name}>
                        <td>
                          <code>{name}</code>
                        </td>
                        <td>{inert(value, 80)}</td>
                        <td>{next === null ? 'the same' : inert(next, 80)}</td>
                        <td>{meaning}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </Scrollable>
            </section>
          ))}
        </>
      )}
    </Show>
  )
}
