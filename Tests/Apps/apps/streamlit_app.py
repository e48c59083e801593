import streamlit as st

st.title("Streamlit through Porthole")
name = st.text_input("Name")
if name:
    st.write(f"Hello, {name[::-1]}")
got = st.file_uploader("File")
if got:
    st.write(f"{len(got.getvalue())} bytes")
