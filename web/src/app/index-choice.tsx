// SPDX-License-Identifier: GPL-3.0-or-later
// Where long histories come from: the index of the copy's publisher, another one, or the chain's log alone.
import { useState } from 'preact/hooks'
import { keepIndex } from '../site/own-index.ts'
import type { Site } from '../site/site.ts'
import { Action } from '../ui/async.tsx'

export function IndexChoice({ site }: { readonly site: Site }) {
  const [typed, setTyped] = useState(site.index ?? '')
  const choose = async (text: string | null): Promise<string> => {
    keepIndex(site, text)
    location.reload()
    return 'the page reads its histories anew'
  }
  return (
    <details class="index">
      <summary>Index</summary>
      <p>
        <label>
          GraphQL endpoint{' '}
          <input
            type="url"
            size={32}
            value={typed}
            placeholder="none: read the chain's log"
            onInput={({ currentTarget }) => setTyped(currentTarget.value)}
          />
        </label>{' '}
        <Action run={async () => await choose(typed)}>Use it</Action>{' '}
        <Action run={async () => await choose(null)}>Use this copy's own</Action>
      </p>
      <p class="quiet">It is compared with the chain before it is believed. Kept in this browser.</p>
    </details>
  )
}
