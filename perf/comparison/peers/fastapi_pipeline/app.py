"""The route that most tutorials end with: one text in, `transformers.pipeline`, its best label out."""

import os

import torch
from fastapi import FastAPI
from pydantic import BaseModel
from transformers import pipeline

# Two workers share two cores.
torch.set_num_threads(1)
CHECKPOINT = os.environ["CHECKPOINT"]
classifier = pipeline("text-classification", model=CHECKPOINT, tokenizer=CHECKPOINT, device="cpu")
app = FastAPI()


class Request(BaseModel):
    text: str


class Answer(BaseModel):
    label: str
    score: float


# Not a plain `def`: FastAPI would compute up to 40 texts at once in threads that fight for one core.
@app.post("/classify")
async def classify(request: Request) -> Answer:
    best = classifier(request.text, truncation=True, max_length=128)[0]
    return Answer(label=best["label"], score=best["score"])
