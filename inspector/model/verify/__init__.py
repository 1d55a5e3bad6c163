"""The verify probe: does the model know a token when it is asked?"""
