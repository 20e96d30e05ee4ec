// SPDX-License-Identifier: GPL-3.0-or-later

import { expect } from 'chai'
import { Command, InvalidArgumentError } from 'commander'
import { commandsIn, faultIn } from '../../scripts/check/documented-commands.ts'

const program = new Command('cohort')
const zkml = program.command('zkml')
zkml
  .command('setup <folder>')
  .option('--local', 'made by one party')
  .option('--keys <count>', 'how many', (text) => {
    if (!/^\d+$/.test(text)) throw new InvalidArgumentError('a whole number is needed.')
    return Number(text)
  })
  .option('--rpc <url...>', 'endpoints')
  .requiredOption('--out <file>', 'where it goes')
const scripts = new Map([
  ['bench', 'usage: npm run bench -- <area>\n  area     fhe, zkml\n  --quick  fewer runs'],
  ['format', null],
])

/** What is wrong with the commands of a document, one for each. */
const faults = (markdown: string) => commandsIn('x.md', markdown).map((command) => faultIn(command, program, scripts))
const block = (line: string) => `\`\`\`sh\n${line}\n\`\`\`\n`

describe('commands in documents', () => {
  it('are found in shell blocks and code spans, with comments, pipes and continued lines', () => {
    const markdown = [
      'Run `npx cohort zkml setup` or `npm run bench -- fhe`, not `cohort_metric`.',
      block('ID=$(npx cohort zkml setup a --out "b c") && cohort zkml setup d  # cohort zkml nothing'),
      block('npx cohort zkml setup a \\\n  --out b'),
      '```ts\ncohort zkml setup\n```',
    ].join('\n')
    expect(commandsIn('x.md', markdown).map(({ line, words, whole }) => [line, words.join('|'), whole])).to.deep.equal([
      [1, 'cohort|zkml|setup', false],
      [1, 'npm|run|bench|--|fhe', false],
      [3, 'cohort|zkml|setup|a|--out|b c', true],
      [3, 'cohort|zkml|setup|d', true],
      [7, 'cohort|zkml|setup|a|--out|b', true],
    ])
  })

  it('pass when they can be typed, placeholders and all', () => {
    expect(
      faults(block('npx cohort zkml setup digits/ --local --keys $COUNT --rpc http://a http://b --out FILE')),
    ).to.deep.equal([null])
    expect(
      faults('`cohort zkml setup <folder>` · `cohort zkml … --quiet` · `cohort --help` · `npm run format`'),
    ).to.deep.equal(Array(4).fill(null))
    expect(faults('`npm run bench -- fhe --quick` and `npm run bench -- <area>`')).to.deep.equal([null, null])
  })

  for (const [line, fault] of [
    ['npx cohort zkml set-up a --out b', "'cohort zkml' has no command 'set-up'"],
    ['npx cohort zkml setup a --remote --out b', "'cohort zkml setup' has no option --remote"],
    ['npx cohort zkml setup a --keys many --out b', '--keys many: a whole number is needed.'],
    ['npx cohort zkml setup a --out', "--out of 'cohort zkml setup' needs a value"],
    ['npx cohort zkml setup --out b', "'cohort zkml setup' needs <folder>"],
    ['npx cohort zkml setup a', "'cohort zkml setup' needs --out <file>"],
    ['npx cohort zkml setup a b --out c', "'cohort zkml setup' takes no 'b'"],
    ['npm run cohort -- zkml setup a', "'cohort zkml setup' needs --out <file>"],
    ['npm run bench fhe', "npm keeps 'fhe' to itself: put -- before it"],
    ['npm run bench -- chess', "the help of npm run bench does not know 'chess'"],
    ['npm run bench -- fhe --slow', "the help of npm run bench does not know '--slow'"],
    ['npm run launch', "package.json has no script 'launch'"],
  ] as const) {
    it(`fail: ${line}`, () => expect(faults(block(line))).to.deep.equal([fault]))
  }
})
