// SPDX-License-Identifier: GPL-3.0-or-later
import type { Connection } from '../chain/connection.ts'
import { type Loaded, useLoaded } from '../ui/async.tsx'
import { type ServiceStory, tellStory } from './events.ts'

const told = new WeakMap<object, ServiceStory>()

/** The story of a service, told again when there is a new block. */
export function useStory(connection: Connection, address: string): Loaded<ServiceStory> {
  const { block } = connection.head.value
  return useLoaded(
    async () => {
      const { history, base } = await connection.serviceHistory(address)
      const changed = await history.step()
      const known = told.get(history)
      if (!changed && known !== undefined) return known
      const story = base === null ? tellStory(history) : tellStory(history, undefined, base)
      told.set(history, story)
      return story
    },
    [address],
    block,
  )
}
