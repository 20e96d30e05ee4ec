// SPDX-License-Identifier: GPL-3.0-or-later
// Settings that show one thing each, with the words for it. They double as an explanation of what the project is about.
import type { Choices } from './choices.ts'

export type Story = { readonly title: string; readonly words: string; readonly choices: Partial<Choices> }

const HONEST = { partition: 'iid', poison: 0, strategy: 'fedavg', keepers: 10 } as const

export const STORIES: readonly Story[] = [
  {
    title: 'Ten honest keepers',
    words:
      'Ten parties hold samples that they may not show each other. Each trains the common model on its own samples for one round, ' +
      'and only the mean of the changes becomes the next model. The curve rises as if one party had all the samples.',
    choices: HONEST,
  },
  {
    title: 'Each knows two digits',
    words:
      'The same samples, but each keeper has pictures of two digits only. Their changes pull in different directions (client drift), ' +
      'so the curve rises more slowly and shakes. No keeper could learn the other eight digits alone.',
    choices: { ...HONEST, partition: 'shards' },
  },
  {
    title: 'Three of ten lie',
    words:
      'Three keepers send the opposite of what they learned, four times as large. Encryption hides an update from the others, a lie included: ' +
      'the plain mean has no way to tell, and the model is ruined.',
    choices: { ...HONEST, poison: 0.3, attack: 'sign-flip' },
  },
  {
    title: 'Three lie, each update is bounded',
    words:
      'The same three liars. Each member now proves that its encrypted update is no longer than the members agreed (a proof of shortness); ' +
      'what is longer is left out, and nobody has seen an update. A liar may still push as far as an honest member, and no farther.',
    choices: { ...HONEST, poison: 0.3, attack: 'sign-flip', bound: 1, boundCheck: 'member' },
  },
  {
    title: 'Three lie, the median of groups decides',
    words:
      'Another defence: the members form groups, each group’s mean is opened, and the median of the means counts, so that a few ruined groups ' +
      'do not. It shows more than one mean, so a live service bounds each update instead.',
    choices: { ...HONEST, poison: 0.3, attack: 'sign-flip', strategy: 'median' },
  },
]
