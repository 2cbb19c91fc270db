"""stub"""
import pandas as pd
from matplotlib import pyplot as plt
from spectral_atlas.plotting.publish import Drawing

def fig1a(inputs, style):
    fig, ax = plt.subplots()
    return Drawing(fig, pd.DataFrame({"a":[1]}), {})

def fig1b(inputs, style):
    fig, ax = plt.subplots()
    return Drawing(fig, pd.DataFrame({"a":[1]}), {})

def fig3(inputs, style):
    fig, ax = plt.subplots()
    return Drawing(fig, pd.DataFrame({"a":[1]}), {})

def fig4a(inputs, style):
    fig, ax = plt.subplots()
    return Drawing(fig, pd.DataFrame({"a":[1]}), {})

def fig4b(inputs, style):
    fig, ax = plt.subplots()
    return Drawing(fig, pd.DataFrame({"a":[1]}), {})

def fig5(inputs, style):
    fig, ax = plt.subplots()
    return Drawing(fig, pd.DataFrame({"a":[1]}), {})

def fig6a(inputs, style):
    fig, ax = plt.subplots()
    return Drawing(fig, pd.DataFrame({"a":[1]}), {})

def fig7(inputs, style):
    fig, ax = plt.subplots()
    return Drawing(fig, pd.DataFrame({"a":[1]}), {})
