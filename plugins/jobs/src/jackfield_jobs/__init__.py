"""What services do beside answering at once: files, batches and other jobs, in words of no provider.

A provider serves the operations of this package, and offers them under an accessor: `client.provider(name)`.
"""
