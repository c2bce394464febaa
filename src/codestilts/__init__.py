"""CodeStilts: does intermediate-task training on code help zero-shot transfer across programming languages?"""
