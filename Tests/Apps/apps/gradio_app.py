import sys
import time

import gradio as gr


def count(text):
    for n in range(1, 4):
        time.sleep(0.3)
        yield f"{text} {n}"


def weigh(path):
    with open(path, "rb") as file:
        return f"{len(file.read())} bytes"


with gr.Blocks() as demo:
    box, out = gr.Textbox(label="in", elem_id="in"), gr.Textbox(label="out", elem_id="out")
    gr.Button("Count", elem_id="go").click(count, box, out)
    file, size = gr.File(elem_id="file"), gr.Textbox(label="size", elem_id="size")
    file.upload(weigh, file, size)
demo.queue().launch(server_name="127.0.0.1", server_port=int(sys.argv[1]), quiet=True)
