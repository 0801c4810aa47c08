// Says a few things about a person with the official client: node node_client.mjs <address> <write key>
import { Analytics } from '@segment/analytics-node'

const [host, writeKey] = process.argv.slice(2)
const analytics = new Analytics({ writeKey, host, maxEventsInBatch: 3, maxRetries: 1 })
const failures = []
analytics.on('error', (error) => failures.push(error.reason?.message ?? error.code))

analytics.page({ anonymousId: 'visitor-node', name: 'Pricing', properties: { url: 'https://example.com/pricing' } })
analytics.identify({
  userId: 'node-7', anonymousId: 'visitor-node',
  traits: { email: 'grace@example.org', firstName: 'Grace', plan: 'team', seats: 5 },
})
analytics.track({ userId: 'node-7', event: 'Order Completed', properties: { total: 49.5, currency: 'EUR' } })
analytics.track({
  userId: 'node-7', event: 'Order Completed', properties: { total: 20 }, timestamp: new Date('2024-03-01T10:00:00Z'),
})
analytics.screen({ userId: 'node-7', name: 'Home' })
analytics.group({ userId: 'node-7', groupId: 'acme', traits: { name: 'Acme', employees: 40 } })
analytics.alias({ userId: 'node-7', previousId: 'visitor-phone' })
await analytics.closeAndFlush({ timeout: 15000 })
process.stdout.write(JSON.stringify(failures))
