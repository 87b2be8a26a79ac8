"""Many clips: one after another, in processes or on machines, and nothing lost on the way.

A clip is a task: a recurrent network's state runs through all of it. Imports little, so that a worker process can take
its share of the cores before a library counts them.
"""
